// The second way to an incident: the sweep writes its findings to a table of the Sentinel workspace, and two analytics
// rules make incidents of them. Deployed at the workspace's own resource group and subscription. docs/portals.md.

@description('Name of the Sentinel workspace, in this module\'s resource group.')
param workspaceName string

@description('Region of the workspace: handed in, for the location of a resource may be a parameter, but not read in the same file.')
param location string

@description('Tags.')
param tags object

@description('Name of the data collection rule. Each app has its own: several may stand in one resource group.')
param collectionName string

@description('Object id of the app\'s identity.')
param principalId string

var metricsPublisherRole = '3913510d-42f4-4e42-8a64-420c390055eb'
var table = 'EmailRemediationFindings_CL'
var streamName = 'Custom-${table}'
var columns = loadJsonContent('findings-columns.json')
var query = loadTextContent('../queries/rule-findings.kql')
// Two rules, and no rule that takes its severity from a column: beyond 50 such values in one answer all are dropped.
var severities = [
  'High'
  'Medium'
]
// Fixed names, those of infra/findings-rule.json: a rule that was imported by hand is then this one, and no second.
var highRule = 'bc861db9-3189-52a3-b6e8-5e4135214462'
var mediumRule = '2b338905-1872-589a-90cb-5ac50813079d'

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: workspaceName
}

@description('What was found and whose it is: persons\' addresses, so it is kept no longer than is needed to look back a quarter.')
resource findings 'Microsoft.OperationalInsights/workspaces/tables@2023-09-01' = {
  parent: workspace
  name: table
  properties: {
    // Analytics rules read tables of this plan only.
    plan: 'Analytics'
    retentionInDays: 90
    totalRetentionInDays: 90
    schema: {
      name: table
      columns: columns
    }
  }
}

@description('Where findings are uploaded. A rule of kind Direct has an address of its own.')
resource collection 'Microsoft.Insights/dataCollectionRules@2023-03-11' = {
  name: collectionName
  location: location
  tags: tags
  kind: 'Direct'
  properties: {
    streamDeclarations: {
      '${streamName}': {
        columns: columns
      }
    }
    destinations: {
      logAnalytics: [
        {
          name: 'sentinel'
          workspaceResourceId: workspace.id
        }
      ]
    }
    dataFlows: [
      {
        streams: [
          streamName
        ]
        destinations: [
          'sentinel'
        ]
        transformKql: 'source'
        outputStream: streamName
      }
    ]
  }
  dependsOn: [
    findings
  ]
}

@description('Lets the app upload through this collection rule, and nothing read.')
resource publish 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(collection.id, principalId, metricsPublisherRole)
  scope: collection
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisherRole)
  }
}

@description('One rule for each severity. A workspace has one pair, whichever app writes: two pairs would make two incidents.')
resource rules 'Microsoft.SecurityInsights/alertRules@2025-09-01' = [for severity in severities: {
  scope: workspace
  name: severity == 'High' ? highRule : mediumRule
  kind: 'Scheduled'
  properties: {
    displayName: 'Email remediation sweep: findings of severity ${severity}'
    // The first word keeps Defender from merging these incidents with others: then the grouping below decides.
    description: '#DONT_CORR# Makes an incident of each finding that Email Remediation Sweep writes to ${table}. Do not change its query, frequency or grouping: the sweep follows the incidents by them (docs/portals.md).'
    severity: severity
    enabled: true
    query: replace(query, '{severity}', severity)
    queryFrequency: 'PT1H'
    queryPeriod: 'P14D'
    triggerOperator: 'GreaterThan'
    triggerThreshold: 0
    suppressionEnabled: false
    suppressionDuration: 'PT5H'
    tactics: [
      'InitialAccess'
    ]
    techniques: [
      'T1566'
    ]
    eventGroupingSettings: {
      aggregationKind: 'AlertPerResult'
    }
    alertDetailsOverride: {
      alertDisplayNameFormat: 'Unusual volume of remediated email: {{Recipient}}'
      alertDescriptionFormat: '{{Description}}'
    }
    customDetails: {
      FindingId: 'FindingId'
      Attempt: 'Attempt'
      Recipient: 'Recipient'
      Episode: 'Episode'
      Sum_case: 'Sum_case'
    }
    entityMappings: [
      {
        entityType: 'Mailbox'
        fieldMappings: [
          {
            identifier: 'MailboxPrimaryAddress'
            columnName: 'Recipient'
          }
        ]
      }
      {
        entityType: 'Account'
        fieldMappings: [
          {
            identifier: 'Name'
            columnName: 'RecipientName'
          }
          {
            identifier: 'UPNSuffix'
            columnName: 'RecipientDomain'
          }
        ]
      }
      {
        entityType: 'MailMessage'
        fieldMappings: [
          {
            identifier: 'NetworkMessageId'
            columnName: 'NetworkMessageId1'
          }
          {
            identifier: 'Recipient'
            columnName: 'Recipient1'
          }
          {
            identifier: 'Sender'
            columnName: 'Sender1'
          }
        ]
      }
      {
        entityType: 'MailMessage'
        fieldMappings: [
          {
            identifier: 'NetworkMessageId'
            columnName: 'NetworkMessageId2'
          }
          {
            identifier: 'Recipient'
            columnName: 'Recipient2'
          }
          {
            identifier: 'Sender'
            columnName: 'Sender2'
          }
        ]
      }
      {
        entityType: 'MailMessage'
        fieldMappings: [
          {
            identifier: 'NetworkMessageId'
            columnName: 'NetworkMessageId3'
          }
          {
            identifier: 'Recipient'
            columnName: 'Recipient3'
          }
          {
            identifier: 'Sender'
            columnName: 'Sender3'
          }
        ]
      }
    ]
    incidentConfiguration: {
      createIncident: true
      groupingConfiguration: {
        enabled: true
        reopenClosedIncident: false
        lookbackDuration: 'P7D'
        matchingMethod: 'Selected'
        groupByEntities: []
        groupByAlertDetails: []
        groupByCustomDetails: [
          'FindingId'
        ]
      }
    }
  }
  // A rule's query is checked when the rule is made: the table has to be there.
  dependsOn: [
    findings
    publish
  ]
}]

output endpoint string = collection.properties.endpoints.logsIngestion
output immutableId string = collection.properties.immutableId
output stream string = streamName
