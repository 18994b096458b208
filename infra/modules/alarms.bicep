// What watches the sweep from outside, by e-mail, so that Teams is not the only road. docs/operate.md has a runbook each.

@description('Region.')
param location string

@description('Region of the Sentinel workspace.')
param sentinelLocation string

@description('Tags.')
param tags object

@description('E-mail addresses, separated by commas.')
param emails string

@description('Hours without a sweep that ended clean or flagged.')
@minValue(1)
@maxValue(47)
param absenceHours int

@description('The workspace with the app\'s receipts.')
param logWorkspaceId string

@description('The workspace with the incidents.')
param sentinelWorkspaceResourceId string

var addresses = split(replace(emails, ' ', ''), ',')
var allowed = 'let Allowed = ${absenceHours}h;\n'
var absence = loadTextContent('../queries/alarm-absence.kql')
var trouble = loadTextContent('../queries/alarm-trouble.kql')
var dryRuns = loadTextContent('../queries/alarm-dry-runs.kql')
var unattended = loadTextContent('../queries/alarm-unattended.kql')

resource onCall 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-sweep'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'mail sweep'
    enabled: true
    emailReceivers: [for (address, index) in addresses: {
      name: 'on-call-${index}'
      emailAddress: address
      useCommonAlertSchema: true
    }]
  }
}

module absenceAlarm 'alarm.bicep' = {
  name: 'alarm-absence'
  params: {
    name: 'sweep-absence'
    location: location
    tags: tags
    title: 'Email remediation sweep: no sweep has ended well'
    whatToDo: 'No sweep has ended clean or flagged for ${absenceHours} hours: nobody is watching. See docs/operate.md, "Absence".'
    severity: 1
    workspaceId: logWorkspaceId
    query: '${allowed}${absence}'
    measure: 'Ended'
    operator: 'LessThan'
    threshold: 1
    actionGroupId: onCall.id
  }
}

module troubleAlarm 'alarm.bicep' = {
  name: 'alarm-trouble'
  params: {
    name: 'sweep-trouble'
    location: location
    tags: tags
    title: 'Email remediation sweep: a sweep went wrong'
    whatToDo: 'A sweep failed, could not trust its data, left findings due, or has invalid settings. See docs/operate.md, "Trouble".'
    severity: 2
    workspaceId: logWorkspaceId
    query: trouble
    dimension: 'Trouble'
    operator: 'GreaterThan'
    threshold: 0
    actionGroupId: onCall.id
  }
}

module dryRunsAlarm 'alarm.bicep' = {
  name: 'alarm-dry-runs'
  params: {
    name: 'sweep-dry-runs'
    location: location
    tags: tags
    title: 'Email remediation sweep: it only rehearses'
    whatToDo: 'Dry runs are all there has been for ${absenceHours} hours: nothing is raised. See docs/operate.md, "Only dry runs".'
    severity: 2
    workspaceId: logWorkspaceId
    query: '${allowed}${dryRuns}'
    operator: 'GreaterThan'
    threshold: 0
    actionGroupId: onCall.id
  }
}

module unattendedAlarm 'alarm.bicep' = {
  name: 'alarm-unattended'
  params: {
    name: 'sweep-unattended'
    location: sentinelLocation
    tags: tags
    title: 'Email remediation sweep: a High incident lies unattended'
    whatToDo: 'A High incident of the sweep has stayed New and unowned for a day. See docs/operate.md, "Unattended".'
    severity: 1
    workspaceId: sentinelWorkspaceResourceId
    query: unattended
    operator: 'GreaterThan'
    threshold: 0
    actionGroupId: onCall.id
  }
}
