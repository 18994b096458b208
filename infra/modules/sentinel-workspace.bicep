// What the deployment reads from the Sentinel workspace, so that nobody has to type it. It needs read access there, and
// creates nothing there. A separate file: the location of a resource may be a parameter, but not read in the same file.

@description('Subscription of the workspace.')
param subscriptionId string

@description('Resource group of the workspace.')
param resourceGroupName string

@description('Name of the workspace.')
param workspaceName string

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: workspaceName
  scope: resourceGroup(subscriptionId, resourceGroupName)
}

output location string = workspace.location
output customerId string = workspace.properties.customerId
